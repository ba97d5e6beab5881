/**
 * An independent, naive statement of what filters mean: random typed trees, their text in random
 * spelling, and an evaluator that walks the tree.
 */
import fc from 'fast-check';
import type { FilterSubject } from '../../../../../gateway/protocol/filter-subject.ts';

export interface Person {
  readonly connectionId: string;
  readonly userId: string | null;
  readonly protocol: string | null;
  readonly groups: readonly string[];
}

export function subjectOf(person: Person): FilterSubject {
  const groups = new Set(person.groups);
  return {
    connectionId: person.connectionId,
    userId: person.userId ?? undefined,
    subprotocol: person.protocol ?? undefined,
    groupNames: () => groups,
    groupCount: () => groups.size,
    isInGroup: (name) => groups.has(name),
  };
}

type Ordering = 'gt' | 'ge' | 'lt' | 'le';
type TextTest = 'contains' | 'startswith' | 'endswith';
type TextChange = 'tolower' | 'toupper' | 'trim';

export type Tree =
  | { op: 'literal'; value: string | number | boolean | null }
  | { op: 'property'; name: 'userId' | 'connectionId' | 'protocol' }
  | { op: 'not'; of: Tree }
  | { op: 'and' | 'or' | 'eq' | 'ne' | Ordering; left: Tree; right: Tree }
  | { op: 'in'; left: Tree; items: readonly Tree[] }
  | { op: 'inGroups'; left: Tree; isWrapped: boolean }
  | { op: 'groupCount' }
  | { op: TextTest | 'indexof' | 'concat'; args: readonly [Tree, Tree] }
  | { op: TextChange | 'length'; args: readonly [Tree] }
  | { op: 'substring'; args: readonly [Tree, Tree] | readonly [Tree, Tree, Tree] };

type Result = string | number | boolean | null;

export function evaluate(tree: Tree, person: Person): Result {
  const walk = (part: Tree): Result => evaluate(part, person);
  switch (tree.op) {
    case 'literal':
      return tree.value;
    case 'property':
      return person[tree.name];
    case 'not':
      return walk(tree.of) === false;
    case 'and':
      return walk(tree.left) === true && walk(tree.right) === true;
    case 'or':
      return walk(tree.left) === true || walk(tree.right) === true;
    case 'eq':
      return walk(tree.left) === walk(tree.right);
    case 'ne':
      return walk(tree.left) !== walk(tree.right);
    case 'gt':
    case 'ge':
    case 'lt':
    case 'le':
      return isOrdered(tree.op, walk(tree.left), walk(tree.right));
    case 'in':
      return tree.items.map(walk).includes(walk(tree.left));
    case 'inGroups':
      return person.groups.some((group) => group === walk(tree.left));
    case 'groupCount':
      return new Set(person.groups).size;
    default:
      return call(tree.op, tree.args.map(walk));
  }
}

function isOrdered(op: Ordering, left: Result, right: Result): boolean {
  if (typeof left !== 'number' || typeof right !== 'number') return false;
  const sign = Math.sign(left - right);
  const wanted = { gt: [1], ge: [0, 1], lt: [-1], le: [-1, 0] };
  return wanted[op].includes(sign);
}

function call(name: string, args: readonly Result[]): Result {
  const [text, other, third] = args;
  if (name === 'concat' && (typeof text === 'string' || typeof other === 'string')) {
    return `${text ?? ''}${other ?? ''}`;
  }
  if (name === 'substring') return piece(text ?? null, Number(other), third);
  const isTest = ['contains', 'startswith', 'endswith'].includes(name);
  if (typeof text !== 'string' || other === null) {
    if (name === 'indexof') return -1;
    return isTest ? false : null;
  }
  const part = String(other);
  const places = Array.from({ length: text.length + 1 }, (_, at) => at).filter(
    (at) => text.slice(at, at + part.length) === part,
  );
  if (name === 'indexof') return places[0] ?? -1;
  if (name === 'contains') return places.length > 0;
  if (name === 'startswith') return places.includes(0);
  if (name === 'endswith') return places.includes(text.length - part.length);
  if (name === 'length') return [...Array(text.length).keys()].length;
  if (name === 'tolower') return text.toLowerCase();
  if (name === 'toupper') return text.toUpperCase();
  if (name === 'trim') return text.replace(/^\s+/u, '').replace(/\s+$/u, '');
  return null;
}

function piece(text: Result, from: number, count: Result | undefined): Result {
  if (typeof text !== 'string' || from < 0 || from > text.length) return null;
  const length = count === undefined ? text.length - from : Number(count);
  if (length < 0 || length > text.length - from) return null;
  return [...Array(length).keys()].map((offset) => text.charAt(from + offset)).join('');
}

/** Few enough that names of groups and users are hit, and hit in the wrong case. */
const textValues = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('', 'a', 'A', 'ab', 'aB', 'AB', ' b', "'") },
  {
    weight: 1,
    arbitrary: fc.string({
      unit: fc.constantFrom('a', 'b', 'A', "'", ' ', 'é', '(', ','),
      maxLength: 4,
    }),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 6 }) },
);

export const persons: fc.Arbitrary<Person> = fc.record({
  connectionId: textValues,
  userId: fc.option(textValues),
  protocol: fc.option(textValues),
  groups: fc.uniqueArray(textValues, { maxLength: 3 }),
});

const { bool, text: nullableText } = fc.letrec<{
  bool: Tree;
  text: Tree;
  /** An int that may be null. */
  int: Tree;
  /** An int that a missing user does not make null. */
  count: Tree;
  value: Tree;
}>((tie) => ({
  bool: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ op: fc.constant('literal' as const), value: fc.boolean() }),
    fc.record({ op: fc.constant('not' as const), of: tie('bool') }),
    fc.record({ op: fc.constantFrom('and', 'or'), left: tie('bool'), right: tie('bool') }),
    fc.record({ op: fc.constantFrom('eq', 'ne'), left: tie('value'), right: tie('value') }),
    fc.record({
      op: fc.constantFrom('gt', 'ge', 'lt', 'le'),
      left: tie('int'),
      right: tie('int'),
    }),
    fc.record({
      op: fc.constant('in' as const),
      left: tie('value'),
      items: fc.array(tie('value'), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({
      op: fc.constant('inGroups' as const),
      left: tie('value'),
      isWrapped: fc.boolean(),
    }),
    fc.record({
      op: fc.constantFrom('contains', 'startswith', 'endswith'),
      args: fc.tuple(tie('text'), tie('text')),
    }),
  ),
  text: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({
      op: fc.constant('property' as const),
      name: fc.constantFrom('userId', 'connectionId', 'protocol'),
    }),
    fc.record({ op: fc.constant('literal' as const), value: fc.option(textValues) }),
    fc.record({
      op: fc.constantFrom('tolower', 'toupper', 'trim'),
      args: fc.tuple(tie('text')),
    }),
    fc.record({ op: fc.constant('concat' as const), args: fc.tuple(tie('text'), tie('text')) }),
    fc.record({
      op: fc.constant('substring' as const),
      args: fc.oneof(
        fc.tuple(tie('text'), tie('count')),
        fc.tuple(tie('text'), tie('count'), tie('count')),
      ),
    }),
  ),
  int: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('count'),
    fc.record({ op: fc.constant('literal' as const), value: fc.constant(null) }),
    fc.record({ op: fc.constant('length' as const), args: fc.tuple(tie('text')) }),
  ),
  count: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({
      op: fc.constant('literal' as const),
      value: fc.oneof(fc.integer({ min: -1, max: 5 }), fc.integer()),
    }),
    fc.record({ op: fc.constant('groupCount' as const) }),
    fc.record({ op: fc.constant('indexof' as const), args: fc.tuple(tie('text'), tie('text')) }),
  ),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: tie('text') },
    { weight: 1, arbitrary: tie('int') },
    { weight: 1, arbitrary: tie('bool') },
  ),
}));

export const boolTrees: fc.Arbitrary<Tree> = bool;
export const textTrees: fc.Arbitrary<Tree> = nullableText;
