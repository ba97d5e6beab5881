/** Opens the store of streams that the configuration names, where a hub has streams. */
import { BackplaneUnavailableError, type Backplane } from '../backplanes/backplane.ts';
import type { StreamStore } from '../backplanes/stream-store.ts';
import { noStreamStore, openStreamStore } from '../backplanes/streams.ts';
import type { GatewayConfig } from './config.ts';
import { GatewayError } from './errors.ts';
import { DestinationRules } from './router/destination-rules.ts';
import type { Logger } from './telemetry/log.ts';

/**
 * Not started yet; undefined: no destination is a stream.
 * @param backplane the node's own, which may be the broker of the streams, too.
 * @throws GatewayError `bad-setting` for a URL that no store understands.
 */
export async function configuredStreams(
  config: GatewayConfig,
  backplane: Backplane,
  log: Logger,
): Promise<StreamStore | undefined> {
  const { classes } = new DestinationRules(config);
  if (classes.length === 0) return undefined;
  const url = config.streamStore ?? config.backplane;
  const store = await open(url, {
    classes,
    backplane,
    publishesLive: url === config.backplane,
    publishTimeoutMs: config.limits.publishTimeoutMs,
    onWarning: (reason) => log.warn('The store of streams may lose what it keeps', { reason }),
  });
  if (store === undefined) throw new GatewayError('bad-setting', noStreamStore(url));
  if (backplane.traits.crossesProcesses && !store.traits.crossesProcesses) {
    throw new GatewayError(
      'bad-setting',
      `TRUNKLINE_STREAMS is "${url}", which only this process sees, but the backplane joins several ` +
        'nodes; leave it out to keep streams in the broker of the backplane, or name another broker',
    );
  }
  return store;
}

async function open(
  ...parameters: Parameters<typeof openStreamStore>
): Promise<StreamStore | undefined> {
  try {
    return await openStreamStore(...parameters);
  } catch (cause) {
    if (!(cause instanceof BackplaneUnavailableError)) throw cause;
    throw new GatewayError('bad-setting', `TRUNKLINE_STREAMS: ${cause.message}`, { cause });
  }
}
