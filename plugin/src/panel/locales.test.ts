import { readdirSync, readFileSync } from 'fs';
import { join } from 'path';

import english from './locales/en-US/underpass-fleetscopeevents-panel.json';
import spanish from './locales/es-ES/underpass-fleetscopeevents-panel.json';

type Texts = { [key: string]: string | Texts };

function flat(texts: Texts, path = ''): Map<string, string> {
  return new Map(
    Object.entries(texts).flatMap(([key, value]) => {
      const name = path ? `${path}.${key}` : key;
      return typeof value === 'string' ? [[name, value] as const] : [...flat(value, name)];
    })
  );
}

/** What the code says: `t('key', 'Text')`. */
function said(): Map<string, string> {
  const files = readdirSync(__dirname, { recursive: true, encoding: 'utf8' }).filter(
    (name) => /\.tsx?$/.test(name) && !name.includes('.test.')
  );
  const calls = files.flatMap((name) => [
    ...readFileSync(join(__dirname, name), 'utf8').matchAll(/\bt\(\s*'([^']+)',\s*'([^']*)'/g),
  ]);
  return new Map(calls.map(([, key, text]) => [key, text]));
}

const sorted = (map: Map<string, string>) => Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
const placeholders = (text: string) => (text.match(/{{\w+}}/g) ?? []).sort();

describe('translations', () => {
  it('says in English what the code says', () => {
    expect(said().size).toBeGreaterThan(80);
    expect(sorted(flat(english))).toEqual(sorted(said()));
  });

  it('says all of it in Spanish, with the same values in it', () => {
    const [from, to] = [flat(english), flat(spanish)];
    expect([...to.keys()].sort()).toEqual([...from.keys()].sort());
    for (const [key, text] of from) {
      expect([key, placeholders(to.get(key) ?? '')]).toEqual([key, placeholders(text)]);
      expect(to.get(key)).not.toBe('');
    }
  });
});
