/** A few publishers send to groups over WebSocket; members sit on every node. */
import { publishOnSocket } from './lib/publish-on-socket.ts';
import { receiveMessages } from './lib/receive.ts';
import { optionsOf, readPlan } from './lib/run.ts';

const plan = readPlan();

export const options = optionsOf(plan);

export function receive(): void {
  receiveMessages(plan);
}

export function publish(): void {
  publishOnSocket(plan);
}
