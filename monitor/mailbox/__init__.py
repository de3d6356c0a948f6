"""Mailboxes that are read: a Maildir folder, or a folder on an IMAP server."""
