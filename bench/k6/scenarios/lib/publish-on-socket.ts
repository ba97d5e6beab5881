/** A publisher with a socket of its own, for groups. */
import type { Plan, Target, MessageData } from '../../plan.ts';
import { publishMessages } from './publish.ts';
import { openSocket } from './receive.ts';
import { vuNumber } from './run.ts';

/** Runs until the end of the schedule. */
export function publishOnSocket(plan: Plan): void {
  const url = plan.publishers[vuNumber()]?.url ?? '';
  const socket = openSocket(url, plan.subprotocol);
  let isOpen = false;
  let lost = 0;
  socket.onopen = () => {
    isOpen = true;
  };
  socket.onclose = () => {
    isOpen = false;
    lost = 1;
  };
  publishMessages(plan, {
    send: (target, data, onRefused) => {
      if (isOpen) socket.send(groupFrame(target, data, true));
      else onRefused();
    },
    close: () => {
      const lostBefore = lost;
      socket.close();
      return lostBefore;
    },
  });
}

export function groupFrame(target: Target, data: MessageData, noEcho: boolean): string {
  const frame = { type: 'sendToGroup', group: target.name, noEcho, dataType: 'json', data };
  return JSON.stringify(frame);
}
