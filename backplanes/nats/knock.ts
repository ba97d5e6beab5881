/**
 * Sees whether anything answers like a NATS server at an address, and leaves again. A frozen server
 * accepts connections and says nothing; the client library has no way to end an attempt on it, so
 * that each would leave a socket behind.
 */
import { connect } from 'node:net';
import type { NatsAddress } from './nats-url.ts';

export interface KnockOptions {
  readonly timeoutMs: number;
  /** False: the server speaks only after TLS; that it accepts the connection must do. */
  readonly awaitsGreeting: boolean;
  readonly signal: AbortSignal;
}

/** Resolves when the server greets. @throws Error that says what happened instead. */
export async function knock(address: NatsAddress, options: KnockOptions): Promise<void> {
  const { awaitsGreeting, signal, timeoutMs } = options;
  signal.throwIfAborted();
  const socket = connect(address.port, address.host);
  const giveUp = (): unknown => socket.destroy(new Error('given up'));
  signal.addEventListener('abort', giveUp);
  try {
    await new Promise<void>((resolve, reject) => {
      let greeting = '';
      socket.setTimeout(timeoutMs, () => {
        reject(new Error(`no answer within ${timeoutMs} ms`));
      });
      // Kept for good: an error without a listener would end the process.
      socket.on('error', reject);
      socket.once('close', () => reject(new Error('the connection was closed at once')));
      if (!awaitsGreeting) socket.once('connect', () => resolve());
      socket.on('data', (chunk: Buffer) => {
        greeting += chunk.toString('latin1', 0, 5);
        if (greeting.startsWith('INFO ')) resolve();
        else if (greeting.length >= 5) reject(new Error('what answers is no NATS server'));
      });
    });
  } finally {
    signal.removeEventListener('abort', giveUp);
    socket.destroy();
  }
}
