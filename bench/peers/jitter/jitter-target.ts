/** What the jitter test needs of a server: how it runs, a client as its users have it, a publisher. */
import type { ServerCommand } from '../../micro/child-server.ts';

export interface JitterClient {
  readonly onText: (text: string) => void;
  /** Of the proxy for this client. */
  readonly address: string;
  readonly port: number;
  readonly number: number;
  /** Of the server itself: what tokens are signed for. */
  readonly serverPort: number;
}

export interface RunningClient {
  /** Resolves when it gets what is published. */
  readonly ready: Promise<void>;
  close(): void;
}

export interface JitterPublisher {
  readonly path: string;
  readonly protocol?: string;
  /** Sent at once. */
  readonly first?: string;
  /** It may publish when it was sent a frame with this text; undefined: when it is connected. */
  readonly readyText?: string;
  /** Frame of a publication, with `{payload}`. */
  readonly frame: string;
  readonly isSocketIo?: boolean;
}

export interface JitterTarget {
  readonly name: string;
  /** What its clients do after a cut, for the table. */
  readonly recovers: string;
  readonly command: (port: number) => ServerCommand;
  readonly client: (client: JitterClient) => RunningClient;
  readonly publisher: (serverPort: number) => JitterPublisher;
}

/** Delays between attempts to reconnect, for every client alike where it has such a setting. */
export const reconnectMs = { min: 100, max: 500 } as const;
