/** The broker's own round trip: one client publishes to itself at a given rate. */
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';

export interface ProbeOptions {
  readonly url: string;
  /** Messages per second. */
  readonly rate: number;
  readonly bytes: number;
  readonly warmupSeconds: number;
  readonly windowSeconds: number;
}

interface Loop {
  publish(message: Buffer): void;
  close(): Promise<void>;
}

const key = 'trunkline-bench-probe';
const tickMs = 1;
const drainMs = 500;

/** Microseconds from the call that publishes to the callback that receives, one per message. */
export async function probeBroker(options: ProbeOptions): Promise<Uint32Array> {
  const samples: number[] = [];
  const windowFromMs = performance.now() + options.warmupSeconds * 1000;
  const untilMs = windowFromMs + options.windowSeconds * 1000;
  const onMessage = (message: Uint8Array): void => {
    const atMs = performance.now();
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    const sentMs = view.getFloat64(0);
    if (sentMs >= windowFromMs) samples.push(Math.round((atMs - sentMs) * 1000));
  };
  const { url } = options;
  const loop = await (url.startsWith('nats:')
    ? natsLoop(url, onMessage)
    : redisLoop(url, onMessage));
  try {
    await publishAtRate(options, untilMs, loop);
  } finally {
    await loop.close();
  }
  return Uint32Array.from(samples);
}

/** Like the gateway, what is due in one turn of the event loop goes out together. */
async function publishAtRate(options: ProbeOptions, untilMs: number, loop: Loop): Promise<void> {
  const fromMs = performance.now();
  let sent = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const nowMs = performance.now();
      const due = Math.floor(((Math.min(nowMs, untilMs) - fromMs) * options.rate) / 1000);
      for (; sent < due; sent++) {
        const message = Buffer.alloc(options.bytes);
        message.writeDoubleBE(performance.now(), 0);
        loop.publish(message);
      }
      if (nowMs < untilMs + drainMs) return;
      clearInterval(timer);
      resolve();
    }, tickMs);
  });
}

async function redisLoop(url: string, onMessage: (message: Uint8Array) => void): Promise<Loop> {
  const publisher = new Redis(url, { enableAutoPipelining: true });
  const subscriber = new Redis(url);
  subscriber.on('messageBuffer', (_channel: Buffer, message: Buffer) => onMessage(message));
  await subscriber.subscribe(key);
  return {
    publish: (message) => {
      publisher.publish(key, message).catch(() => undefined);
    },
    close: async () => {
      await Promise.all([publisher.quit(), subscriber.quit()]);
    },
  };
}

async function natsLoop(url: string, onMessage: (message: Uint8Array) => void): Promise<Loop> {
  const connection = await connect({ servers: url });
  connection.subscribe(key, {
    callback: (error, message) => {
      if (error === null) onMessage(message.data);
    },
  });
  await connection.flush();
  return {
    publish: (message) => connection.publish(key, message),
    close: () => connection.close(),
  };
}
