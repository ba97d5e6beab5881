/** Loaded with `--import`: plants the mistake whose number stands in MUTANT as its file is loaded. */
import { register } from 'node:module';

register(new URL('plant-hooks.js', import.meta.url));
