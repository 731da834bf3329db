"""Every first-party monitor and policy keeps its contract, and so do those that a user would write."""

from __future__ import annotations

from mlops.services.monitor import Monitor
from mlops.services.policy import History, Policy
from mlops.testing.monitor import MonitorContract
from mlops.testing.policy import PolicyContract, make_history, make_window
from mlops_release.policy import WindowsPolicy
from mlops_whylogs.monitor import WhylogsMonitor
from tests.own_parts_of_a_loop import CountingMonitor, EagerPolicy


class TestWhylogs(MonitorContract):
    def monitor(self) -> Monitor:
        return WhylogsMonitor()


class TestOwnMonitor(MonitorContract):
    finds_drift = False

    def monitor(self) -> Monitor:
        return CountingMonitor()


class TestWindows(PolicyContract):
    def policy(self) -> Policy:
        return WindowsPolicy(suspect=20.0, every=86_400.0 * 30)

    def reason(self) -> History:
        return make_history(make_window(0), make_window(1, "performance"))


class TestOwnPolicy(PolicyContract):
    def policy(self) -> Policy:
        return EagerPolicy()

    def reason(self) -> History:
        return make_history(make_window(0, "drift"))
