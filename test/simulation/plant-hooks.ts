/** The module hook behind plant.ts. */
import type { LoadHook } from 'node:module';
import { mutants } from './mutants.ts';

const mutant = mutants[Number(process.env['MUTANT'])];

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  if (mutant === undefined || !url.endsWith(`/dist/${mutant.file}`)) return loaded;
  const { source } = loaded;
  const text = source instanceof Uint8Array ? Buffer.from(source).toString() : source;
  if (typeof text !== 'string') throw new Error(`${mutant.file} came without its source`);
  const parts = text.split(mutant.find);
  if (parts.length !== 2) {
    throw new Error(`"${mutant.find}" must be in ${mutant.file} once: ${parts.length - 1} times`);
  }
  return { ...loaded, source: parts.join(mutant.replace) };
};
