/**
 * Mistakes that the simulation must find: each is one that was made, or nearly, while streams were
 * built, here or at others. They are planted into the compiled sources as these are loaded, so the
 * gateway has no switch for them.
 */

export interface Mutant {
  /** What is wrong with it. */
  readonly name: string;
  /** Compiled file below dist/. */
  readonly file: string;
  /** Text that is there exactly once, and what it becomes. */
  readonly find: string;
  readonly replace: string;
}

const keeper = 'gateway/router/streams/stream-keeper.js';
const catchUp = 'gateway/router/streams/catch-up.js';

export const mutants: readonly Mutant[] = [
  {
    name: 'a gap is skipped instead of repaired',
    file: keeper,
    find: 'return prev !== undefined && prev <= fanned.offset;',
    replace: 'return true;',
  },
  {
    name: 'idle streams are never checked',
    file: 'gateway/router/streams/stream-checks.js',
    find: 'if (!store.isUp())',
    replace: 'if (true)',
  },
  {
    name: 'live entries are handed out before the place is verified',
    file: keeper,
    find: 'if (!state.isSound || entry.epoch !== state.fanned.epoch) {',
    replace: "if (state.phase !== 'live') {",
  },
  {
    name: 'nothing is verified after the link was lost',
    file: 'gateway/router/streams/stream-checks.js',
    find: 'keeper.doubt(state);',
    replace: 'state.settledDoubts = state.doubts;',
  },
  {
    name: 'what retention took is not told to members',
    file: keeper,
    find: "this.#tellMoved(state, after, 'retention');",
    replace: '',
  },
  {
    name: 'entries are held over into another history',
    file: keeper,
    find: 'for (const entry of heldBefore)',
    replace: 'for (const entry of [])',
  },
  {
    name: 'a member joins between collecting and writing',
    file: 'gateway/router/fanout.js',
    find: 'return this.#turn.length > 0;',
    replace: 'return false;',
  },
  {
    name: 'a resume that cannot be complete says that it is',
    file: catchUp,
    find: "if (result.status === 'diverged' || !result.isComplete) {",
    replace: "if (result.status === 'diverged') {",
  },
  {
    name: 'a cursor ahead of its node is taken for another history',
    file: catchUp,
    find: 'if (journey.hasLooked)',
    replace: 'if (true)',
  },
  {
    name: 'an unknown predecessor is taken for none',
    file: keeper,
    find: 'return prev !== undefined && prev <= fanned.offset;',
    replace: 'return (prev ?? 0) <= fanned.offset;',
  },
  {
    name: 'recent entries of a lost history are kept',
    file: 'gateway/router/streams/stream-state.js',
    find: 'this.recent.cutAfter(place.offset);',
    replace: '',
  },
  {
    name: 'a place inside the shared sequence is told as a predecessor',
    file: 'gateway/router/streams/read-entries.js',
    find: '!store.traits.sharesEpoch',
    replace: 'true',
  },
  {
    name: 'who is excluded is not told that nothing is missing',
    file: 'gateway/router/delivery.js',
    find: 'return this.isPlaced ?',
    replace: 'return false ?',
  },
  {
    name: 'history is read beyond what the members have',
    file: 'gateway/router/streams/shared-reads.js',
    find: 'upTo: end.offset,',
    replace: 'upTo: undefined,',
  },
  {
    name: 'the place behind a gap is taken for a place that somebody had',
    file: keeper,
    find: 'after.offset, tag: 0 };',
    replace: 'after.offset, tag: after.tag };',
  },
  {
    name: 'what the broker has lost is told only to those who had got it',
    file: 'gateway/router/streams/loss-marks.js',
    find: 'if (this.#pending.has(name))',
    replace: 'if (true)',
  },
];
