raise SystemExit("this must never be imported")
