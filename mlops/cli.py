"""argv → verb, help, and the only place that turns an error into text and an exit code.

Exit codes: 0 done, 1 a stage or gate failed, 2 the recipe or project is wrong, 130 interrupted.
"""

import sys

__all__ = ["VERBS", "main"]

VERBS = {
    "run": "plan a recipe and carry it out; what is unchanged is reused",
    "plan": "show what a run would do, and exactly why",
    "check": "list every mistake of a recipe, with its place and fix",
    "explain": "show a key's value, type, meaning, and every place that set it",
    "ls": "list recipes, config groups with their choices, and stages",
    "runs": "list, show, compare and remove past runs; send them to their tracker",
    "ui": "look at the runs in their tracker",
    "reproduce": "carry a past run out again and compare what it makes",
    "lineage": "show the way from data to a run's artifacts, a model or a deployment",
    "report": "write what a change of the project changes, for its reviewers",
    "models": "list, show, promote and roll back models; what was done to them",
    "monitor": "compare what a model is asked with its training: drift, decay, late labels",
    "retrain": "train again when the recipe's policy says so, and release what is better",
    "deploy": "bring a version of a model to those who ask, at once or step by step",
    "status": "show which versions are deployed, where, and how they do",
    "rollback": "give a deployment back to the version that led before",
    "stop": "end a deployment",
    "predict": "score files of rows, of any size, with a bundle",
    "data": "version data, compare versions, see what runs read, propose a contract",
    "schema": "write the JSON Schema that gives editors completion and hover text",
    "gc": "free what no run refers to",
    "init": "make a project of your own",
    "ci": "write workflows that check, run, release and watch the project",
    "doctor": "examine this machine and project; each finding with its fix",
    "completion": "print the script that completes commands in a shell",
}

HELP = """usage: mlops VERB [arguments]

One YAML recipe for the whole life of a model.

{verbs}

  mlops run recipe=churn                 run a recipe
  mlops run recipe=churn model=linear    swap a part
  mlops plan recipe=churn seed=1         see what would run again, and why
  mlops run -m recipe=churn seed=1,2,3   sweep

mlops VERB --help says more about a verb."""


def main(argv: list[str] | None = None) -> int:
    """Run one verb.

    Returns:
        The exit code.
    """
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP.format(verbs="\n".join(f"  {verb:<11} {text}" for verb, text in VERBS.items())))  # noqa: T201
        return 0
    if arguments[0] in ("-V", "--version"):
        from mlops import __version__

        print(__version__)  # noqa: T201 - what was asked for
        return 0
    if arguments[0] not in VERBS:
        return _unknown(arguments[0])
    return _perform(arguments[0], arguments[1:])


def _unknown(verb: str) -> int:
    from difflib import get_close_matches

    near = get_close_matches(verb, VERBS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"verbs are {', '.join(VERBS)}"
    sys.stderr.write(f"error: there is no verb {verb!r}\n  fix: {hint}\n")
    return 2


def _perform(verb: str, arguments: list[str]) -> int:
    from importlib import import_module

    from mlops.errors import MlopsError

    try:
        code: int = import_module(f"mlops.commands.{verb}").main(arguments)
        sys.stdout.flush()
    except MlopsError as exc:
        sys.stdout.flush()
        sys.stderr.write(f"error: {exc}\n")
        return exc.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
