/** Finds the port that several workers share, while nobody else can be there. */
import { createServer, type AddressInfo } from 'node:net';
import { GatewayError } from '../errors.ts';
import { explainListenFailure } from '../transport/listen-failure.ts';

/**
 * The port to share; port 0 becomes a free one. Sharing lets in everybody of the same user, a second
 * gateway started by mistake as well, so the port is taken for itself once and given back.
 * @throws GatewayError `cannot-listen`, or `bad-setting` where ports cannot be shared.
 */
export async function findSharedPort(
  host: string,
  port: number,
  platform: NodeJS.Platform = process.platform,
): Promise<number> {
  if (platform !== 'linux') {
    throw new GatewayError(
      'bad-setting',
      `TRUNKLINE_WORKERS must be 1 on ${platform}, whose ports do not spread connections over ` +
        'processes: start several gateways on ports of their own behind a load balancer instead',
    );
  }
  const found = await new Promise<number | undefined>((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, ...(host === '' ? {} : { host }), exclusive: true }, () => {
      // A server that listens on TCP has an address of this form.
      const address = server.address() as AddressInfo;
      server.close(() => resolve(address.port));
    });
  });
  if (found === undefined) throw await explainListenFailure(host, port);
  return found;
}
