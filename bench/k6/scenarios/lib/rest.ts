/** Publishing by REST: asked once, or until some node accepts. */
import http from 'k6/http';
import { setTimeout } from 'k6/timers';
import type { MessageData, Target } from '../../plan.ts';

const accepted = 202;
const attemptsMax = 40;
const pauseMs = 250;

/** One request to the first node. Not awaited: the next message is due whatever the answer is. */
export function sendOnce(target: Target, data: MessageData, onRefused: () => void): void {
  request(target, data, 0)
    .then((isAccepted) => {
      if (!isAccepted) onRefused();
    })
    .catch(onRefused);
}

/** Goes on with the next node until one accepts: the key makes a repeat no second message. */
export function sendUntilAccepted(target: Target, data: MessageData, onRefused: () => void): void {
  const attempt = (number: number): void => {
    if (number === attemptsMax) {
      onRefused();
      return;
    }
    const again = (): void => {
      setTimeout(() => attempt(number + 1), pauseMs);
    };
    request(target, data, number)
      .then((isAccepted) => {
        if (!isAccepted) again();
      })
      .catch(again);
  };
  attempt(0);
}

async function request(target: Target, data: MessageData, node: number): Promise<boolean> {
  const sends = target.sends ?? [];
  const send = sends[node % sends.length];
  if (send === undefined) return false;
  const response = await http.asyncRequest('POST', send.url, JSON.stringify(data), {
    headers: {
      'content-type': 'application/json',
      authorization: send.authorization,
      'idempotency-key': `m${String(data.n)}`,
    },
    timeout: '5s',
    // One series for all destinations.
    tags: { name: 'send' },
  });
  return response.status === accepted;
}
