/** Client-to-group streams: order, acknowledgement, and every way to end. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { permissionsOf, SessionFixture, settled } from './session-fixtures.ts';

const start = { type: 'sendToGroup', group: 'g', stream: { streamId: 's', idleTimeoutMs: 1000 } };
const end = { type: 'streamEnd', streamId: 's' };
const closedNormally = { type: 'streamClosed', streamId: 's' };
const noData = { dataType: 'text', bytes: Buffer.alloc(0) };

function data(streamSequenceId: number, text = `f${streamSequenceId}`): object {
  return { type: 'streamData', streamId: 's', streamSequenceId, dataType: 'text', data: text };
}

function upTo(expectedSequenceId: number): object {
  return { type: 'streamAck', streamId: 's', expectedSequenceId };
}

function closed(name: string, message: string): object {
  return { type: 'streamClosed', streamId: 's', error: { name, message } };
}

async function streaming(differences: object = {}): Promise<SessionFixture> {
  const fixture = await new SessionFixture().open();
  assert.deepEqual(await fixture.ask({ ...start, ...differences }), [upTo(1)]);
  return fixture;
}

function lastFragment(fixture: SessionFixture): unknown {
  return fixture.publisher.publications.at(-1)?.stream;
}

describe('group streams: fragments', () => {
  test('stream: numbered fragments become publications, acknowledged in turn', async () => {
    const fixture = await streaming({ noEcho: true });
    assert.deepEqual(await fixture.ask(data(1), data(2)), [upTo(2), upTo(3)]);
    assert.deepEqual(await fixture.ask(end), [closedNormally]);
    const common = {
      hub: 'chat',
      to: { kind: 'group', name: 'g' },
      sender: { connectionId: 'node-1', userId: 'anna' },
      noEcho: true,
    };
    const text = (value: string) => ({ dataType: 'text', bytes: Buffer.from(value) });
    assert.deepEqual(fixture.publisher.publications, [
      { ...common, payload: text('f1'), stream: { streamId: 's', streamSequenceId: 1 } },
      { ...common, payload: text('f2'), stream: { streamId: 's', streamSequenceId: 2 } },
      {
        ...common,
        payload: noData,
        stream: { streamId: 's', streamSequenceId: 3, endOfStream: true },
      },
    ]);
  });

  test('stream: a fragment too far ahead is not published, and the right one is named', async () => {
    const fixture = await streaming();
    const nack = {
      type: 'streamNack',
      streamId: 's',
      name: 'InvalidSequenceId',
      message: 'Fragment 3 came where 1 was due; send again from there',
      expectedSequenceId: 1,
    };
    assert.deepEqual(await fixture.ask(data(3), data(1)), [nack, upTo(2)]);
    assert.deepEqual(fixture.publisher.texts, ['f1']);
  });

  test('stream: a fragment that came before is acknowledged and dropped', async () => {
    const fixture = await streaming();
    assert.deepEqual(await fixture.ask(data(1), data(2)), [upTo(2), upTo(3)]);
    assert.deepEqual(await fixture.ask(data(1, 'again')), [upTo(3)]);
    assert.deepEqual(fixture.publisher.texts, ['f1', 'f2']);
  });

  test('stream: no ack names what the backplane has not accepted, repeats included', async () => {
    const fixture = await streaming();
    fixture.publisher.publishing.isClosed = true;
    assert.deepEqual(await fixture.ask(data(1), data(2), data(1)), [upTo(1)]);
    const [first, second] = fixture.publisher.publishing.gates;
    second?.open();
    await settled();
    assert.deepEqual(fixture.socket.frames.slice(2), []);
    first?.open();
    await settled();
    assert.deepEqual(fixture.socket.frames.slice(2), [upTo(2), upTo(3)]);
  });

  test('stream: data without content only keeps it alive', async () => {
    const fixture = await streaming();
    assert.deepEqual(await fixture.ask({ type: 'streamData', streamId: 's' }), []);
    assert.deepEqual(fixture.publisher.publications, []);
  });
});

describe('group streams: refusals', () => {
  test('start: without the permission, with the id in use, with too many open', async () => {
    const fixture = await new SessionFixture({ limits: { streamsPerConnectionMax: 1 } }).open();
    fixture.session.permissions = permissionsOf([]);
    const [forbidden] = await fixture.ask(start);
    assert.match(JSON.stringify(forbidden), /"Forbidden".*no permission sendToGroup for group 'g'/);
    fixture.session.permissions = permissionsOf(['webpubsub.sendToGroup']);
    assert.deepEqual(await fixture.ask(start, start), [
      upTo(1),
      closed('BadRequest', "Stream 's' is open already; choose another streamId"),
    ]);
    const [full] = await fixture.ask({ ...start, stream: { streamId: 't' } });
    const message =
      '1 streams of this connection are open, the most that streamsPerConnectionMax allows; end one first';
    assert.deepEqual(full, {
      type: 'streamClosed',
      streamId: 't',
      error: { name: 'BadRequest', message },
    });
    assert.deepEqual(fixture.publisher.publications, []);
    assert.deepEqual(await fixture.ask(data(1)), [upTo(2)], 'the open stream goes on');
  });

  test('data, end: of a stream that is not open', async () => {
    const fixture = await new SessionFixture().open();
    const notFound = closed('StreamNotFound', "Stream 's' is not open; start it first");
    assert.deepEqual(await fixture.ask(data(1), end), [notFound, notFound]);
    await fixture.ask(start, end);
    assert.deepEqual(await fixture.ask(data(1)), [notFound]);
    assert.deepEqual(await fixture.ask(start), [upTo(1)], 'the id may be used again');
  });

  test('data: after the permission was taken back, receivers and publisher are told', async () => {
    const fixture = await streaming();
    fixture.session.permissions = permissionsOf([]);
    const message = "The permission to send to group 'g' was taken back";
    assert.deepEqual(await fixture.ask(data(1)), [closed('Forbidden', message)]);
    const fragment = { streamId: 's', streamSequenceId: 1, endOfStream: true };
    assert.deepEqual(lastFragment(fixture), { ...fragment, error: { name: 'Forbidden', message } });
    assert.equal(fixture.clock.timers, 0);
  });
});

describe('group streams: the end', () => {
  test('end: the error of the publisher reaches receivers as UserError', async () => {
    const fixture = await streaming();
    const error = { message: 'disk full', userErrorCode: 'E1' };
    assert.deepEqual(await fixture.ask({ ...end, error }), [closedNormally]);
    const fragment = { streamId: 's', streamSequenceId: 1, endOfStream: true };
    assert.deepEqual(lastFragment(fixture), {
      ...fragment,
      error: { name: 'UserError', ...error },
    });
    assert.equal(fixture.clock.timers, 0);
  });

  test('end: said to be closed only when every fragment was accepted', async () => {
    const fixture = await streaming();
    fixture.publisher.publishing.isClosed = true;
    assert.deepEqual(await fixture.ask(data(1), end), []);
    const [fragment, last] = fixture.publisher.publishing.gates;
    last?.open();
    await settled();
    assert.deepEqual(fixture.socket.frames.slice(1), []);
    fragment?.open();
    await settled();
    assert.deepEqual(fixture.socket.frames.slice(1), [upTo(2), closedNormally]);
  });

  for (const failing of [0, 1]) {
    test(`end: publication ${failing} of two fails behind it, the publisher is told`, async () => {
      const fixture = await streaming();
      fixture.publisher.publishing.isClosed = true;
      await fixture.ask(data(1), end);
      const { gates } = fixture.publisher.publishing;
      gates[failing]?.fail(new Error('down'));
      gates[1 - failing]?.open();
      await settled();
      const message = 'A fragment could not be published; start the stream anew';
      const said = fixture.socket.frames.filter((frame) =>
        JSON.stringify(frame).includes('Closed'),
      );
      assert.deepEqual(said, [closed('InternalServerError', message)]);
      assert.equal(fixture.publisher.publications.length, 2, 'receivers got one end');
    });
  }

  test('publish failure: the stream is closed once, with what is on its way', async () => {
    const fixture = await streaming();
    fixture.publisher.publishing.isClosed = true;
    await fixture.ask(data(1), data(2), data(3));
    const [first, second, third] = fixture.publisher.publishing.gates;
    first?.fail(new Error('down'));
    second?.fail(new Error('down'));
    third?.open();
    await settled();
    const message = 'A fragment could not be published; start the stream anew';
    assert.deepEqual(fixture.socket.frames.slice(1), [closed('InternalServerError', message)]);
    const fragment = { streamId: 's', streamSequenceId: 4, endOfStream: true };
    assert.deepEqual(lastFragment(fixture), {
      ...fragment,
      error: { name: 'InternalServerError', message },
    });
    assert.equal(fixture.publisher.publications.length, 4);
  });

  test('idle: ended after its own timeout without a sign of life, not before', async () => {
    const fixture = await streaming();
    assert.equal(fixture.clock.timers, 1);
    fixture.clock.advance(1000);
    await fixture.ask({ type: 'streamData', streamId: 's' });
    fixture.clock.advance(1000);
    assert.deepEqual(fixture.publisher.publications, []);
    fixture.clock.advance(1);
    const message =
      'No fragment came for 1000 ms, its idleTimeoutMs; send streamData without data to keep it open';
    assert.deepEqual(fixture.socket.frames.slice(1), [closed('IdleTimeout', message)]);
    const fragment = { streamId: 's', streamSequenceId: 1, endOfStream: true };
    assert.deepEqual(lastFragment(fixture), {
      ...fragment,
      error: { name: 'IdleTimeout', message },
    });
    assert.equal(fixture.clock.timers, 0);
  });

  test('idle: five minutes where the start names no timeout', async () => {
    const fixture = await streaming({ stream: { streamId: 's' } });
    fixture.clock.advance(300_000);
    assert.deepEqual(fixture.publisher.publications, []);
    fixture.clock.advance(1);
    assert.equal(fixture.publisher.publications.length, 1);
  });

  test('onClose: every open stream is cancelled for its receivers', async () => {
    const fixture = await streaming();
    await fixture.ask({ ...start, group: 'h', stream: { streamId: 't' } }, data(1));
    fixture.session.onClose();
    await settled();
    const ends = fixture.publisher.publications.slice(1).map(({ to, stream }) => [to, stream]);
    const error = { name: 'Cancelled', message: 'The publisher disconnected' };
    assert.deepEqual(ends, [
      [
        { kind: 'group', name: 'g' },
        { streamId: 's', streamSequenceId: 2, endOfStream: true, error },
      ],
      [
        { kind: 'group', name: 'h' },
        { streamId: 't', streamSequenceId: 1, endOfStream: true, error },
      ],
    ]);
    assert.equal(fixture.clock.timers, 0);
  });
});
