"""The one life-cycle of help: claims, proposals, deliveries, confirmations."""
