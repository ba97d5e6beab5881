/** The project's TypeScript sources as text, and what each of them imports. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface SourceFile {
  /** Relative to the project's folder, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Import {
  /** Path of the imported file in the project, or the specifier of a package. */
  readonly target: string;
  readonly isProject: boolean;
  readonly isTypeOnly: boolean;
  /** True: `import(…)`, evaluated when the line is reached. */
  readonly isDynamic: boolean;
}

const sourceFolders = [
  'gateway',
  'backplanes',
  'client-sdk',
  'server-sdk',
  'examples',
  'test',
  'bench',
];
const skippedFolders = new Set(['node_modules', 'dist']);

/** The project's folder: the nearest one above the compiled test that holds its sources. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'tsconfig.json'))) {
    const parent = dirname(folder);
    if (parent === folder) return process.cwd();
    folder = parent;
  }
  return folder;
}

/** Every TypeScript source under the project's folder. */
export function readSourceTree(root: string): readonly SourceFile[] {
  return sourceFolders
    .flatMap((folder) => filesUnder(join(root, folder), '.ts'))
    .map((path) => ({
      path: relative(root, path).split(sep).join('/'),
      text: readFileSync(path, 'utf8'),
    }));
}

/** Paths of the files under a folder whose names end so; none when there is no such folder. */
export function filesUnder(folder: string, ending: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : filesUnder(path, ending);
    return entry.name.endsWith(ending) ? [path] : [];
  });
}

/** Lines of code with comments and the contents of one-line strings taken out, numbered as before. */
export function codeLines(file: SourceFile): readonly string[] {
  return file.text.split('\n').map((line) => {
    if (/^\s*(\*|\/\/|\/\*)/.test(line)) return '';
    return line.replace(/'[^']*'|"[^"]*"|`[^`]*`/g, "''").replace(/\/\/.*$/, '');
  });
}

const staticImport = /^(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?'([^']+)'/gm;
const dynamicImport = /^(?!\s*(?:\*|\/\/|\/\*)).*\bimport\(\s*'([^']+)'/gm;

/** What a file imports, in the order of its lines, static imports first. */
export function importsOf(file: SourceFile): readonly Import[] {
  const toImport = (specifier: string, isTypeOnly: boolean, isDynamic: boolean): Import => {
    const isProject = specifier.startsWith('.');
    const target = isProject ? posix.join(posix.dirname(file.path), specifier) : specifier;
    return { target, isProject, isTypeOnly, isDynamic };
  };
  return [
    ...[...file.text.matchAll(staticImport)].map(([, type, specifier = '']) =>
      toImport(specifier, type !== undefined, false),
    ),
    ...[...file.text.matchAll(dynamicImport)].map(([, specifier = '']) =>
      toImport(specifier, false, true),
    ),
  ];
}
