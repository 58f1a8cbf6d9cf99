"""What terminals prove themselves with: an intermediate CA with EST, CRL and OCSP; CPE secrets; tokens."""
