/** Where the benchmark finds the sources, keeps its binary and writes its results. */
import { fileURLToPath } from 'node:url';

/** Root of the repository: this file runs as dist/bench/micro/paths.js. */
export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** A path below the root of the repository. */
export function inRepository(path: string): string {
  return `${repositoryRoot}${path}`;
}

/** A compiled file next to this one. */
export function compiledPath(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
