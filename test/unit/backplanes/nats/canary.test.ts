/** The canary: sings, listens, and tells deaf from busy. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Canary } from '../../../../backplanes/nats/canary.ts';

interface Fixture {
  readonly canary: Canary;
  readonly songs: number[];
  readonly tick: (count?: number) => void;
  inbound: number;
  deaf: number;
}

function fixture(context: TestContext): Fixture {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const songs: number[] = [];
  const made: Fixture = {
    songs,
    inbound: 0,
    deaf: 0,
    canary: new Canary({
      intervalMs: 100,
      sing: (song) => songs.push(song),
      inboundCount: () => made.inbound,
      onDeaf: () => {
        made.deaf += 1;
      },
    }),
    tick: (count = 1) => {
      for (let done = 0; done < count; done += 1) context.mock.timers.tick(100);
    },
  };
  return made;
}

test('canary: sings again when the echo is back', (context) => {
  const { canary, songs, tick } = fixture(context);
  tick();
  canary.heard(1);
  tick();
  canary.heard(2);
  tick();
  assert.deepEqual(songs, [1, 2, 3]);
});

test('canary: two silent ticks mean deaf, told once', (context) => {
  const made = fixture(context);
  made.tick(2);
  assert.equal(made.deaf, 0);
  made.tick(1);
  assert.equal(made.deaf, 1);
  made.tick(20);
  assert.equal(made.deaf, 1);
  assert.deepEqual(made.songs, [1]);
});

test('canary: an echo of an older song does not count', (context) => {
  const made = fixture(context);
  made.tick();
  made.canary.heard(0);
  made.tick(2);
  assert.equal(made.deaf, 1);
});

test('canary: while other messages arrive it is patient, but not for ever', (context) => {
  const made = fixture(context);
  made.tick();
  for (let busy = 0; busy < 9; busy += 1) {
    made.inbound += 1;
    made.tick();
  }
  assert.equal(made.deaf, 0);
  made.inbound += 1;
  made.tick();
  assert.equal(made.deaf, 1);
});

test('canary: stopped, it is silent', (context) => {
  const made = fixture(context);
  made.canary.stop();
  made.tick(10);
  assert.deepEqual([made.songs, made.deaf], [[], 0]);
});
