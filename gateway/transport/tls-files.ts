/** Checks a key and a certificate file before native code, which says little, reads them. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { GatewayError } from '../errors.ts';

export interface TlsFiles {
  /** PEM file with the private key. */
  readonly keyFile: string;
  /** PEM file with the certificate chain, the server's own first. */
  readonly certFile: string;
}

/** @throws GatewayError `bad-setting` naming the file that cannot be used. */
export function checkTlsFiles(files: TlsFiles): void {
  const key = attempt(`the TLS key file ${files.keyFile}`, () => {
    const pem = readFileSync(files.keyFile);
    return { pem, parsed: createPrivateKey(pem) };
  });
  const cert = attempt(`the TLS certificate file ${files.certFile}`, () => {
    const pem = readFileSync(files.certFile);
    return { pem, parsed: new X509Certificate(pem) };
  });
  if (!cert.parsed.checkPrivateKey(key.parsed)) {
    throw new GatewayError(
      'bad-setting',
      `The TLS key file ${files.keyFile} does not belong to the certificate file ` +
        `${files.certFile}. Set both to files of one pair.`,
    );
  }
  attempt(`the TLS files ${files.keyFile} and ${files.certFile}`, () =>
    createSecureContext({ key: key.pem, cert: cert.pem }),
  );
}

function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError(
      'bad-setting',
      `Cannot use ${what}: ${reason}. It must be a readable PEM file without a passphrase.`,
      { cause },
    );
  }
}
