/**
 * Members of a stream lose their connections, by themselves or with their node, come back to another
 * node and go on where they were. Publications are requests that are repeated until a node accepts.
 */
import { setTimeout } from 'k6/timers';
import { Follower } from './lib/follow.ts';
import { publishMessages } from './lib/publish.ts';
import { receiveWith } from './lib/receive.ts';
import { sendUntilAccepted } from './lib/rest.ts';
import { nowMs, optionsOf, readPlan, vuNumber } from './lib/run.ts';

const plan = readPlan();

export const options = optionsOf(plan);

export function receive(): void {
  const perVu = Math.max(1, plan.receivers[0]?.length ?? 1);
  const first = vuNumber() * perVu;
  receiveWith(plan, (socket, totals, index) => {
    const follower = new Follower(plan, socket, totals);
    planAbsences(follower, first + index);
    return follower;
  });
}

export function publish(): void {
  publishMessages(plan, { send: sendUntilAccepted, close: () => 0 });
}

/** Spread over a period, so that somebody is away at any time. */
function planAbsences(follower: Follower, number: number): void {
  if (plan.away === undefined) return;
  const { periodMs, offlineMs } = plan.away;
  const { windowFromMs, windowUntilMs } = plan.schedule;
  const count = plan.receivers.flat().length;
  const firstMs = windowFromMs + (number * periodMs) / count;
  for (let atMs = firstMs; atMs + offlineMs < windowUntilMs; atMs += periodMs) {
    setTimeout(() => follower.leave(offlineMs), atMs - nowMs());
  }
}
