/** Rules that each source file keeps by itself (CONTRIBUTING.md): size, opening, forbidden words. */
import { codeLines, type SourceFile } from './source-tree.ts';

const linesMax = 400;

/** Where collaborators bring clock and randomness, so that tests can. */
const deterministicFolders = ['gateway/router/', 'gateway/session/'];
const ambient =
  /\b(?:Date\.now|performance\.now|Math\.random|setTimeout|setInterval|setImmediate|randomUUID|randomBytes)\(|new Date\(\)/;

const forbiddenWords: readonly (readonly [RegExp, string])[] = [
  [/@ts-(?:ignore|nocheck|expect-error)/, 'switches the compiler off'],
  [/\b(?:T[O]DO|F[I]XME|X[X]X)\b/, 'leaves work behind: do it or write it down elsewhere'],
  [/oxlint-disable(?!.*--)/, 'switches the linter off without "-- reason"'],
];

/** Files that say what must not compile; there the comment is the assertion. */
const typeTest = /^test\/.*\.types\.ts$/;

const forbiddenCode: readonly (readonly [RegExp, string])[] = [
  [/^export default\b/, 'has a default export'],
  [/(?::|<|\bas|\|)\s*any\b/, 'uses any'],
  [/^\s*(?:export )?(?:const )?enum\b/, 'declares an enum: use an object `as const`'],
];

/** A type assertion, but neither `as const` nor a renamed import. */
const assertion = /\bas (?!const\b)(?=[A-Za-z{[(])/;

/** Files with more lines than one can keep in mind. */
export function longFiles(files: readonly SourceFile[]): readonly string[] {
  return files
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > linesMax)
    .map(({ path, lines }) => `${path} has ${lines} lines, more than ${linesMax}: split it`);
}

/** Files that do not open with a doc comment on what they are responsible for. */
export function filesWithoutOpening(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(
      ({ text }) => !text.replace(/^#!.*\n/, '').startsWith('/** ') && !text.startsWith('/**\n'),
    )
    .map(({ path }) => `${path} must open with a doc comment that says what it is responsible for`);
}

/** Words and constructs that no source may hold. */
export function forbiddenText(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) => {
    const code = codeLines(file);
    return file.text.split('\n').flatMap((line, index) => {
      const isExpected = typeTest.test(file.path) && /@ts-(?:expect)-error: /.test(line);
      const inText = forbiddenWords.filter(([pattern]) => pattern.test(line) && !isExpected);
      const inCode = forbiddenCode.filter(([pattern]) => pattern.test(code[index] ?? ''));
      return [...inText, ...inCode].map(([, fault]) => `${file.path}:${index + 1} ${fault}`);
    });
  });
}

/** Type assertions of the product that no comment on the same or one of the two lines above explains. */
export function unexplainedAssertions(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path }) => !path.startsWith('test/') && !path.startsWith('bench/'))
    .flatMap((file) => {
      const lines = file.text.split('\n');
      return codeLines(file).flatMap((line, index) => {
        if (!assertion.test(line) || /^(?:import|export) |^\s+\w+ as \w+,$/.test(line)) return [];
        const near = lines.slice(Math.max(0, index - 2), index + 1).join('\n');
        if (/\/\/|\*\//.test(near)) return [];
        return [
          `${file.path}:${index + 1} asserts a type without a comment that says why it holds`,
        ];
      });
    });
}

/** Uses of the process's clock, timers or randomness where they come by constructor. */
export function ambientTimeOrChance(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path }) => deterministicFolders.some((folder) => path.startsWith(folder)))
    .flatMap((file) =>
      codeLines(file).flatMap((line, index) => {
        const found = ambient.exec(line)?.[0];
        if (found === undefined) return [];
        return [`${file.path}:${index + 1} calls ${found}…: take it by constructor`];
      }),
    );
}

/** Sources of gateway and backplanes without a unit test at the matching path. */
export function filesWithoutUnitTest(files: readonly SourceFile[]): readonly string[] {
  const paths = new Set(files.map(({ path }) => path));
  return [...paths]
    .filter((path) => /^(?:gateway|backplanes)\//.test(path))
    .filter((path) => !paths.has(`test/unit/${path.replace(/\.ts$/, '.test.ts')}`));
}
