/** Fan-out: a few publishers send to groups over WebSocket; members sit on every node. */
import { publishMessages } from './lib/publish.ts';
import { openSocket, receiveMessages } from './lib/receive.ts';
import { optionsOf, readPlan, vuNumber } from './lib/run.ts';

const plan = readPlan();

export const options = optionsOf(plan);

export function receive(): void {
  receiveMessages(plan);
}

export function publish(): void {
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
      if (!isOpen) {
        onRefused();
        return;
      }
      const frame = {
        type: 'sendToGroup',
        group: target.name,
        noEcho: true,
        dataType: 'json',
        data,
      };
      socket.send(JSON.stringify(frame));
    },
    close: () => {
      const lostBefore = lost;
      socket.close();
      return lostBefore;
    },
  });
}
