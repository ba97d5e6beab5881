/** Publishes to a broker by plain sockets and reads by others that look at nothing: its own cost. */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { readCpuSeconds } from '../proc.ts';

export interface RawLoad {
  readonly kind: 'redis' | 'nats';
  readonly port: number;
  /** Process of the broker. */
  readonly pid: number;
  /** Connections that get every message, as nodes with members of its destination do. */
  readonly receivers: number;
  readonly rate: number;
  readonly bytes: number;
  readonly seconds: number;
}

export interface RawFigures {
  readonly published: number;
  readonly cpuSeconds: number;
  /** Bytes that receivers got, of those that they should have got. */
  readonly complete: number;
}

const tickMs = 1;
const warmupMs = 500;
const settleMs = 300;
const key = 'trunkline-bench-raw';

/** What is written for one message, and what a receiver is sent for it. */
export function wordsOf(kind: 'redis' | 'nats', bytes: number): { out: Buffer; inBytes: number } {
  const data = 'x'.repeat(bytes);
  const length = String(bytes);
  if (kind === 'nats') {
    const out = Buffer.from(`PUB ${key} ${length}\r\n${data}\r\n`);
    return { out, inBytes: `MSG ${key} 1 ${length}\r\n${data}\r\n`.length };
  }
  const name = `$${String(key.length)}\r\n${key}\r\n`;
  const value = `$${length}\r\n${data}\r\n`;
  return {
    out: Buffer.from(`*3\r\n$7\r\nPUBLISH\r\n${name}${value}`),
    inBytes: `*3\r\n$7\r\nmessage\r\n${name}${value}`.length,
  };
}

/** What is due in one turn goes out together, as a gateway under load does it. */
export async function loadBroker(load: RawLoad): Promise<RawFigures> {
  const { kind, pid, rate, receivers, seconds } = load;
  const { out, inBytes } = wordsOf(kind, load.bytes);
  const counts = { bytes: 0 };
  const sockets: Socket[] = [];
  try {
    for (let i = 0; i < receivers; i++) {
      const socket = await open(load);
      sockets.push(socket);
      const isNats = kind === 'nats';
      socket.write(isNats ? `SUB ${key} 1\r\n` : `*2\r\n$9\r\nSUBSCRIBE\r\n$19\r\n${key}\r\n`);
      socket.on('data', (data: Buffer) => {
        counts.bytes += data.length;
      });
    }
    const publisher = await open(load);
    sockets.push(publisher);
    publisher.resume();
    await delay(settleMs);
    await publishFor(publisher, out, { rate, ms: warmupMs });
    await delay(settleMs);
    counts.bytes = 0;
    const before = readCpuSeconds(pid);
    const published = await publishFor(publisher, out, { rate, ms: seconds * 1000 });
    await delay(settleMs);
    const cpuSeconds = readCpuSeconds(pid) - before;
    return { published, cpuSeconds, complete: counts.bytes / (published * inBytes * receivers) };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

async function open({ kind, port }: RawLoad): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  if (kind === 'nats') socket.write('CONNECT {"verbose":false,"pedantic":false}\r\n');
  return socket;
}

async function publishFor(
  socket: Socket,
  message: Buffer,
  { ms, rate }: { readonly ms: number; readonly rate: number },
): Promise<number> {
  const fromMs = performance.now();
  let sent = 0;
  for (;;) {
    const pastMs = Math.min(performance.now() - fromMs, ms);
    const due = Math.floor((pastMs * rate) / 1000) - sent;
    if (due > 0) socket.write(Buffer.concat(Array.from({ length: due }, () => message)));
    sent += Math.max(0, due);
    if (pastMs >= ms) return sent;
    await delay(tickMs);
  }
}
