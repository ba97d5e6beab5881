/** Finds out why the native code could not listen; it says no more than that it could not. */
import { createServer } from 'node:net';
import { GatewayError } from '../errors.ts';

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'another process listens there: stop it, choose another port (TRUNKLINE_PORT), or 0 for any',
  EACCES: 'this user may not: choose a port from 1024 on (TRUNKLINE_PORT) or grant the right',
  EADDRNOTAVAIL: 'this machine has no such address: set TRUNKLINE_HOST to one of its own',
  ENOTFOUND: 'the name has no address: set TRUNKLINE_HOST to an IP address of this machine',
  EMFILE: 'no file descriptor is left: raise the limit (`ulimit -n`)',
};

/** Tries the same with Node.js, whose error has a code. Resolves with the error to throw. */
export async function explainListenFailure(host: string, port: number): Promise<GatewayError> {
  const cause = await probe(host, port);
  const code = cause?.code;
  const remedy =
    (code === undefined ? undefined : remedies[code]) ??
    'check TRUNKLINE_HOST and TRUNKLINE_PORT, and whether another process listens there';
  const place = `${host === '' ? '*' : host}:${port}`;
  const message = `Cannot listen on ${place}${code === undefined ? '' : ` (${code})`}: ${remedy}.`;
  return new GatewayError('cannot-listen', message, { cause });
}

function probe(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ port, ...(host === '' ? {} : { host }), exclusive: true }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}
