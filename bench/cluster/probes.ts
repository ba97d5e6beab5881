/** Questions to programs that were just started: do you do your work? */
import { connect } from 'node:net';

const answerMsMax = 1000;

/** True when a GET is answered with 200. Rejects when it is not answered. */
export async function answersOk(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(answerMsMax) });
  await response.body?.cancel();
  return response.status === 200;
}

/**
 * True when a server on a port of loopback answers to `question` (empty: speaks first) with a text
 * that begins with `answer`. Rejects when it is not there.
 */
export function speaks(port: number, question: string, answer: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(question));
    socket.setTimeout(answerMsMax, () => socket.destroy());
    socket.once('data', (data) => {
      resolve(data.toString('latin1').startsWith(answer));
      socket.destroy();
    });
    socket.once('error', reject);
    // After an answer this changes nothing.
    socket.once('close', () => resolve(false));
  });
}
