/**
 * Which adapter serves which URL scheme. Adapters are imported when they are asked for: a driver
 * that is not used is never loaded.
 */
import type { Backplane } from './backplane.ts';

type Open = (url: string) => Promise<Backplane>;

const adapters: ReadonlyMap<string, Open> = new Map<string, Open>([
  [
    'memory:',
    async () => {
      const { MemoryBackplane } = await import('./memory/memory-backplane.ts');
      return new MemoryBackplane();
    },
  ],
]);

/** URL schemes that `openBackplane` accepts, each with its colon. */
export const backplaneSchemes: readonly string[] = [...adapters.keys()];

/** The adapter for a URL, not started yet; undefined when no adapter serves its scheme. */
export async function openBackplane(url: string): Promise<Backplane | undefined> {
  const scheme = url.slice(0, url.indexOf(':') + 1).toLowerCase();
  return adapters.get(scheme)?.(url);
}
