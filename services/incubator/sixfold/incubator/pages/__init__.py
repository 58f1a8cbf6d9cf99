"""The public door's HTTP side: the open API, and the portal's pages."""
