"""OAuth 2.0 and OpenID Connect: tokens for partners' programs, and for terminals whose subscribers agree."""
