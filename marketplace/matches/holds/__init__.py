"""Units that runs keep back for later: what is told of them, and requests to give them now."""
