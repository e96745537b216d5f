// Writes NAME.br and NAME.gz beside each file named on standard input, one a line, where that saves anything.
import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const LARGE = 2_000_000; // the best quality takes a minute for the largest bundle and saves 4 %

for (const name of readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const content = readFileSync(name);
  const quality = content.length > LARGE ? 9 : 11;
  const params = { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  for (const [ending, packed] of [['br', brotliCompressSync(content, { params })], ['gz', gzipSync(content, { level: 9 })]]) {
    if (packed.length < content.length * 0.95) writeFileSync(`${name}.${ending}`, packed);
  }
}
