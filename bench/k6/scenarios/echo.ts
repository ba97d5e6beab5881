/** Echo through a group: every socket is alone in a group of its own, sends to it and gets it back. */
import { groupFrame } from './lib/publish-on-socket.ts';
import { publishMessages } from './lib/publish.ts';
import { receiveMessages } from './lib/receive.ts';
import { optionsOf, readPlan } from './lib/run.ts';

const plan = readPlan();
const { scenarios, ...rest } = optionsOf(plan);

/** Senders are the receivers: there is no second kind of VU. */
export const options = { ...rest, scenarios: { receivers: scenarios['receivers'] } };

export function receive(): void {
  const receivers = receiveMessages(plan);
  publishMessages(plan, {
    send: (target, data, onRefused) => {
      const receiver = receivers.get(data.target);
      if (receiver?.isReady === true) receiver.send(groupFrame(target, data, false));
      else onRefused();
    },
    close: () => 0,
  });
}
