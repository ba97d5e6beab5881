/** The JetStream stream of a retention class, as it is looked for while there is no server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { BackplaneUnavailableError } from '../../../../../backplanes/backplane.ts';
import { JetStreamApi } from '../../../../../backplanes/nats/streams/api.ts';
import { ClassStream } from '../../../../../backplanes/nats/streams/class-stream.ts';
import { Gate } from '../../../../../backplanes/nats/streams/gate.ts';
import { Requests } from '../../../../../backplanes/nats/streams/requests.ts';
import { defaultNatsStreamSettings } from '../../../../../backplanes/nats/streams/settings.ts';

test('class stream: looking for it without a connection leaves the event loop to others', async () => {
  let asked = 0;
  const requests = new Requests({
    prefix: 'trunkline',
    timeoutMs: 200,
    session: () => {
      asked += 1;
      return undefined;
    },
    detail: () => 'no server answers',
  });
  const stream = new ClassStream({
    api: new JetStreamApi(requests, new Gate(1, 1)),
    retention: { name: 'kept', messagesMax: 10, ageMsMax: 60_000, bytesMax: 10_000 },
    settings: { ...defaultNatsStreamSettings, publishTimeoutMs: 200 },
    onOtherHistory: () => assert.fail('there is no history'),
  });
  let isSettled = false;
  const made = stream.made().finally(() => {
    isSettled = true;
  });
  const refused = assert.rejects(made, BackplaneUnavailableError);
  // Whatever else is to be done, a new connection to the server first of all, needs such turns.
  await turn();
  assert.equal(isSettled, false);
  assert.ok(asked < 10, `asked ${asked} times in one turn`);
  await refused;
  requests.close();
});
