"""Runs shown in an experiment tracker, without a run ever waiting for it or failing by it.

A run writes down what happens in its own folder and nowhere else. Beside it works a follower, one
for all runs of a project, which reads those folders and sends what is new; ``tracking.json`` in
each folder says how much the tracker has acknowledged. Whatever ends the follower, the next one or
``mlops runs sync`` goes on from there; what was sent and not acknowledged is sent again, and a
tracker takes the same thing twice for the same thing.

    spool            events of a run → batches
    acknowledgement  how much of a run the tracker has
    subject          a run and its tracker, as its folder tells them
    attachments      files to show with a run that has ended
    delivery         one run's batches to its tracker
    follower         the process that follows all runs of a project
    following        a run's own side: starts the follower, says at the end how far it is
    sync             what is left over, sent at once
"""
