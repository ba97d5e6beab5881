/** Publishes stamped texts at a rate, straight to the server: message n is due at start + n / rate. */
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { JitterPublisher } from './jitter-target.ts';

const readyMsMax = 10_000;

/** `n` and the moment at which it was due (ms of `performance.now()`), and padding. */
export function stampOf(n: number, dueMs: number, bytes: number): string {
  return `@J:${String(n)}:${dueMs.toFixed(3)}:`.padEnd(bytes, 'x');
}

export interface Stamp {
  readonly n: number;
  readonly dueMs: number;
}

/** Undefined for a text without a stamp. */
export function readStamp(text: string): Stamp | undefined {
  const [, n, dueMs] = /@J:(\d+):(\d+\.\d+):/.exec(text) ?? [];
  return n === undefined || dueMs === undefined
    ? undefined
    : { n: Number(n), dueMs: Number(dueMs) };
}

export interface Publishing {
  readonly port: number;
  readonly rate: number;
  readonly seconds: number;
  readonly payloadBytes: number;
}

/** Resolves when everything was sent. @throws Error when the server does not take it. */
export async function openPublisher(
  publisher: JitterPublisher,
  port: number,
): Promise<{ publish(how: Omit<Publishing, 'port'>): Promise<number>; close(): void }> {
  const url = `ws://127.0.0.1:${String(port)}${publisher.path}`;
  const socket = new WebSocket(url, publisher.protocol === undefined ? [] : [publisher.protocol], {
    perMessageDeflate: false,
  });
  await new Promise<void>((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error('the publisher was not let in')), readyMsMax);
    socket.once('error', reject);
    socket.once('open', () => {
      if (publisher.first !== undefined) socket.send(publisher.first);
    });
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      if (publisher.isSocketIo === true && text.startsWith('0{')) socket.send('40');
      if (publisher.isSocketIo === true && text === '2') socket.send('3');
      if (text === '{}') socket.send('{}');
      if (!text.includes(publisher.readyText ?? '')) return;
      clearTimeout(limit);
      resolve();
    });
  });
  return {
    publish: async ({ payloadBytes, rate, seconds }) => {
      const startMs = performance.now();
      const count = Math.floor(rate * seconds);
      for (let n = 0; n < count; n++) {
        const dueMs = startMs + (n * 1000) / rate;
        const waitMs = dueMs - performance.now();
        if (waitMs > 0) await delay(waitMs);
        socket.send(publisher.frame.replace('{payload}', stampOf(n, dueMs, payloadBytes)));
      }
      return count;
    },
    close: () => socket.terminate(),
  };
}
