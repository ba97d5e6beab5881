/** User to user: each message is a REST request to one node, for a user whose socket is on another. */
import http from 'k6/http';
import { publishMessages } from './lib/publish.ts';
import { receiveMessages } from './lib/receive.ts';
import { optionsOf, readPlan } from './lib/run.ts';

const plan = readPlan();
const accepted = 202;

export const options = optionsOf(plan);

export function receive(): void {
  receiveMessages(plan);
}

export function publish(): void {
  publishMessages(plan, {
    send: (target, data, onRefused) => {
      const headers = {
        'content-type': 'application/json',
        authorization: target.authorization ?? '',
      };
      // Not awaited: the next message is due whether or not this one has been answered.
      http
        .asyncRequest('POST', target.sendUrl ?? '', JSON.stringify(data), {
          headers,
          // One series for all users.
          tags: { name: 'sendToUser' },
        })
        .then((response) => {
          if (response.status !== accepted) onRefused();
        })
        .catch(onRefused);
    },
    close: () => 0,
  });
}
