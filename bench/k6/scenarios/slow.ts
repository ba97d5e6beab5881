/** Slow consumers: some members of a group hardly read, and the others must not notice. */
import { sleep } from 'k6';
import { setTimeout } from 'k6/timers';
import { publishOnSocket } from './lib/publish-on-socket.ts';
import { openSocket, receiveMessages } from './lib/receive.ts';
import { nowMs, optionsOf, readPlan } from './lib/run.ts';

const plan = readPlan();
/** A VU that sleeps reads nothing: k6 has one message of each socket in its hands and asks for no more. */
const sleepSeconds = 0.5;

export const options = optionsOf(plan, { slow: { vus: 1, exec: 'stall' } });

export function receive(): void {
  receiveMessages(plan);
}

export function publish(): void {
  publishOnSocket(plan);
}

export function stall(): void {
  const sockets = (plan.slow ?? []).map((url) => {
    const socket = openSocket(url, plan.subprotocol);
    socket.onmessage = () => {
      if (nowMs() < plan.schedule.windowUntilMs) sleep(sleepSeconds);
    };
    return socket;
  });
  setTimeout(() => {
    for (const socket of sockets) socket.close();
  }, plan.schedule.endMs - nowMs());
}
