/** REST to a user: each message is a request to one node, for a user whose socket is on another. */
import { publishMessages } from './lib/publish.ts';
import { receiveMessages } from './lib/receive.ts';
import { sendOnce } from './lib/rest.ts';
import { optionsOf, readPlan } from './lib/run.ts';

const plan = readPlan();

export const options = optionsOf(plan);

export function receive(): void {
  receiveMessages(plan);
}

export function publish(): void {
  publishMessages(plan, { send: sendOnce, close: () => 0 });
}
