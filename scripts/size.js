/** `npm run size`: prints what the client SDK weighs, and fails when that is over its budget. */
import { ensureInstalled } from './bootstrap.js';
import { ourSizes, overBudget, peerSizes, tableOf } from './client-sizes.js';

await ensureInstalled();
const ours = await ourSizes();
console.log(tableOf('@trunkline/client, bytes', ours));
console.log(`\n${tableOf("its peers' clients, bytes", await peerSizes())}`);
for (const sentence of overBudget(ours)) {
  console.error(sentence);
  process.exitCode = 1;
}
