/** A key and a certificate for localhost, valid for a century, trusted by nobody: for TLS tests. */

export const tlsKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJnlggaPVeC0yL47p
YyQ8zqhe8urrS+ROGCrw1wSOEq6hRANCAATxQH/NEnGdGHOiMVyViTj5XWJT/omI
rUua9605z0IAu0R10YMGOHcFt1veiwBniztD1S80ycGZ2KDLDe/OAVQE
-----END PRIVATE KEY-----
`;

export const tlsCertificate = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUIzJvPgimbO6jHHUqTLASszHWqzgwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzE1MzAxOFoYDzIxMjYxMDMw
MTUzMDE4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATxQH/NEnGdGHOiMVyViTj5XWJT/omIrUua9605z0IAu0R10YMGOHcF
t1veiwBniztD1S80ycGZ2KDLDe/OAVQEo28wbTAdBgNVHQ4EFgQUipb2VidOqvDr
6+xnpx3e9Twa6jAwHwYDVR0jBBgwFoAUipb2VidOqvDr6+xnpx3e9Twa6jAwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIgB0r83IgelHl7zk3JGM6sITg/17jJSIbJvKMCpG7CimMCIQDV
w3rm3JaV8cQwS1xbn4b8TAZlvH3waQof0djKfTeDbw==
-----END CERTIFICATE-----
`;

/** A key that does not belong to the certificate. */
export const strangeTlsKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPXcBbqbt3n+/rkcG
Ly/Ixk4mReM55T3zKfwMqQm2zgmhRANCAARr7AZpHvNJgty3YRkl6LRgd1BcqHQ0
pza3+Gfm4HGsZVfaMmGuIqoPpXQ8IdkDBsRrooB+9Z8SQ4rKrpe/Cteb
-----END PRIVATE KEY-----
`;
