/** Stands for the streams of a gateway that has none. */
import { GatewayError } from '../errors.ts';
import type { Destination, Streams } from './ports.ts';
import type { History, StreamInfo } from './stream-ports.ts';

type Retained = Exclude<Destination, { kind: 'connection' }>;

export class NoStreams implements Streams {
  history(hub: string, to: Retained): Promise<History> {
    return Promise.reject(notAStream(hub, to));
  }

  info(hub: string, to: Retained): Promise<StreamInfo> {
    return Promise.reject(notAStream(hub, to));
  }

  purge(hub: string, to: Retained): Promise<void> {
    return Promise.reject(notAStream(hub, to));
  }
}

/** The destination retains nothing. */
export function notAStream(hub: string, to: Retained): GatewayError {
  return new GatewayError(
    'not-a-stream',
    `'${nameOf(to)}' of hub '${hub}' is no stream; let a rule of hubs.${hub}.streams match it`,
  );
}

/** A destination as the settings name it. */
export function nameOf(to: Retained): string {
  return to.kind === 'all' ? 'all' : `${to.kind}:${to.name}`;
}
