/**
 * Asks a Node.js process for a garbage collection through its inspector, so that memory readings
 * of all servers, the gateway included, are taken in the same state and without code of their own.
 */
import { WebSocket } from 'ws';

const answerMsMax = 30_000;

/** Sizes that V8 reports after the collection. */
export interface HeapUsage {
  readonly usedBytes: number;
}

/** Collects garbage twice (the second pass frees what finalizers let go). */
export async function collectGarbage(inspectorUrl: string): Promise<HeapUsage> {
  const socket = new WebSocket(inspectorUrl, { perMessageDeflate: false });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    await call(socket, 1, 'HeapProfiler.collectGarbage');
    await call(socket, 2, 'HeapProfiler.collectGarbage');
    const usage = await call(socket, 3, 'Runtime.getHeapUsage');
    // The answer of the inspector protocol to Runtime.getHeapUsage.
    return { usedBytes: (usage as { usedSize: number }).usedSize };
  } finally {
    socket.terminate();
  }
}

async function call(socket: WebSocket, id: number, method: string): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`the inspector did not answer ${method}`));
    }, answerMsMax);
    const onMessage = (data: Buffer): void => {
      const answer = JSON.parse(data.toString()) as { id?: number; result?: unknown };
      if (answer.id !== id) return;
      clearTimeout(timer);
      socket.off('message', onMessage);
      resolve(answer.result);
    };
    socket.on('message', onMessage);
    socket.send(JSON.stringify({ id, method }));
  });
}
