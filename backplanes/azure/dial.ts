/** Makes one connection to the service, or says in words why there is none. */
import { WebSocket } from 'ws';
import type { AzureService } from './service.ts';
import { subprotocol } from './frames.ts';
import { frameBytesMax, type AzureSettings } from './settings.ts';
import { Wire } from './wire.ts';

export interface DialOptions {
  readonly service: AzureService;
  readonly settings: AzureSettings;
  readonly signal: AbortSignal;
  readonly onData: (group: string, bytes: Buffer) => void;
}

/** Why there is no connection. */
export interface DialFailure {
  readonly reason: string;
  /** True: trying again without a change of settings is of no use. */
  readonly isRefusal: boolean;
}

export type DialResult =
  | { readonly wire: Wire; readonly failure?: never }
  | { readonly wire?: never; readonly failure: DialFailure };

/** Resolves when the service has greeted, each time with a new token. Never throws. */
export async function dial(options: DialOptions): Promise<DialResult> {
  const { onData, service, settings, signal } = options;
  const { connectTimeoutMs, pingIntervalMs } = settings;
  let refused: DialFailure | undefined;
  try {
    const socket = new WebSocket(await service.clientUrl(), subprotocol, {
      handshakeTimeout: connectTimeoutMs,
      maxPayload: frameBytesMax,
      // What is in the frames is base64 of binary data: hardly any smaller, and dear.
      perMessageDeflate: false,
    });
    const wire = new Wire({ socket, pingIntervalMs, onData });
    socket.on('unexpected-response', (_request, { statusCode }) => {
      refused = explainStatus(statusCode ?? 0);
      wire.end(refused.reason);
    });
    const abort = (): void => wire.end('this node closed it');
    signal.addEventListener('abort', abort, { once: true });
    const timer = setTimeout(() => {
      wire.end(`it did not answer within ${connectTimeoutMs} ms`);
    }, connectTimeoutMs);
    const end = await Promise.race([wire.greeted, wire.ended]);
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    if (end === undefined) return { wire };
    return { failure: refused ?? { reason: explainText(end.reason), isRefusal: false } };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { failure: { reason: `no token could be made: ${detail}`, isRefusal: true } };
  }
}

function explainStatus(status: number): DialFailure {
  if (status === 401 || status === 403) {
    return {
      reason:
        `the service refuses the access key (${status}); compare the connection string with ` +
        `the service's keys and endpoint, and this machine's clock`,
      isRefusal: true,
    };
  }
  if (status === 404) {
    return { reason: 'there is no Web PubSub at this endpoint (404)', isRefusal: true };
  }
  const isFull = status === 429 || status === 503;
  const why = isFull ? 'the service takes no connection now' : 'the handshake failed';
  return { reason: `${why} (${status})`, isRefusal: false };
}

const wordsForCodes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused; is the service running there?',
  ENOTFOUND: 'no such host; check the Endpoint',
  EAI_AGAIN: 'the name cannot be resolved now',
  ECONNRESET: 'the connection was reset',
};

function explainText(reason: string): string {
  const code = Object.keys(wordsForCodes).find((each) => reason.includes(each));
  return code === undefined ? reason : (wordsForCodes[code] ?? reason);
}
