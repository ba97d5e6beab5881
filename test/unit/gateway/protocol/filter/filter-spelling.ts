/** Writes a reference tree as a filter in one of its many spellings: case, spaces, parentheses. */
import fc from 'fast-check';
import type { Tree } from './filter-reference.ts';

/** Numbers that decide, one after the other and round again, how the next thing is spelt. */
export const spellings: fc.Arbitrary<readonly number[]> = fc.array(fc.nat({ max: 255 }), {
  minLength: 1,
  maxLength: 40,
});

export function spell(tree: Tree, spelling: readonly number[]): string {
  const choice = choices(spelling);
  const tokens = write(tree, 0, choice);
  let text = space(choice, 0);
  let last = '';
  for (const token of tokens) {
    const wouldTouch = /\w$/u.test(last) && /^\w/u.test(token);
    if (last !== '') text += space(choice, wouldTouch ? 1 : 0);
    // A quote behind a quote would be an escaped one.
    text += last.endsWith("'") && token.startsWith("'") ? ` ${token}` : token;
    last = token;
  }
  return text + space(choice, 0);
}

type Choose = (options: number) => number;

function choices(spelling: readonly number[]): Choose {
  let at = 0;
  return (options) => {
    const number = spelling[at % spelling.length] ?? 0;
    at += 1;
    return number % options;
  };
}

function space(choice: Choose, lengthMin: number): string {
  const length = Math.max(lengthMin, choice(3) - 1);
  return Array.from({ length }, () => [' ', ' ', '\t', '\n', '\r'][choice(5)]).join('');
}

function word(text: string, choice: Choose): string {
  return text.replaceAll(/[a-z]/gu, (c) => (choice(3) === 0 ? c.toUpperCase() : c));
}

const levels = { or: 0, and: 1, compare: 2, unary: 3 };

/** `level` is the loosest binding that may stand here without parentheses. */
function write(tree: Tree, level: number, choice: Choose): string[] {
  const { own, tokens } = writeBare(tree, choice);
  return own < level || choice(7) === 0 ? ['(', ...tokens, ')'] : tokens;
}

function writeBare(tree: Tree, choice: Choose): { own: number; tokens: string[] } {
  const { unary, compare } = levels;
  const at = (part: Tree, level: number): string[] => write(part, level, choice);
  switch (tree.op) {
    case 'literal':
      return { own: unary, tokens: [literal(tree.value, choice)] };
    case 'property':
      return { own: unary, tokens: [word(tree.name, choice)] };
    case 'not':
      return { own: unary, tokens: [word('not', choice), ...at(tree.of, unary)] };
    case 'and':
    case 'or': {
      const own = levels[tree.op];
      const tokens = [...at(tree.left, own), word(tree.op, choice), ...at(tree.right, own)];
      return { own, tokens };
    }
    case 'in':
    case 'inGroups': {
      const right = tree.op === 'in' ? list(tree.items, choice) : groups(tree.isWrapped, choice);
      return { own: compare, tokens: [...at(tree.left, unary), word('in', choice), ...right] };
    }
    case 'groupCount':
      return { own: unary, tokens: [word('length', choice), '(', word('groups', choice), ')'] };
    case 'eq':
    case 'ne':
    case 'gt':
    case 'ge':
    case 'lt':
    case 'le': {
      const tokens = [...at(tree.left, unary), word(tree.op, choice), ...at(tree.right, unary)];
      return { own: compare, tokens };
    }
    default:
      return { own: unary, tokens: [word(tree.op, choice), ...list(tree.args, choice)] };
  }
}

function list(items: readonly Tree[], choice: Choose): string[] {
  const tokens = items.flatMap((item) => [',', ...write(item, 0, choice)]);
  return ['(', ...tokens.slice(1), ')'];
}

function groups(isWrapped: boolean, choice: Choose): string[] {
  const name = word('groups', choice);
  return isWrapped ? ['(', name, ')'] : [name];
}

function literal(value: string | number | boolean | null, choice: Choose): string {
  if (typeof value === 'string') return `'${value.split("'").join("''")}'`;
  if (typeof value !== 'number') return word(String(value), choice);
  return value >= 0 && choice(4) === 0 ? `+0${value}` : String(value);
}
