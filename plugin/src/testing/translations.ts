import { readdirSync, readFileSync } from 'fs';
import { join } from 'path';

export type Texts = { [key: string]: string | Texts };

function flat(texts: Texts, path = ''): Map<string, string> {
  return new Map(
    Object.entries(texts).flatMap(([key, value]) => {
      const name = path ? `${path}.${key}` : key;
      return typeof value === 'string' ? [[name, value] as const] : [...flat(value, name)];
    })
  );
}

/** What the code in a folder says: `t('key', 'Text')`. */
function said(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => /\.tsx?$/.test(name) && !name.includes('.test.')
  );
  const calls = files.flatMap((name) => [
    ...readFileSync(join(folder, name), 'utf8').matchAll(/\bt\(\s*'([^']+)',\s*'([^']*)'/g),
  ]);
  return new Map(calls.map(([, key, text]) => [key, text]));
}

const sorted = (map: Map<string, string>) => Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
const placeholders = (text: string) => (text.match(/{{\w+}}/g) ?? []).sort();

/** The English texts of a plugin are those of its code, of which there are more than `least`; the Spanish are all of them. */
export function itIsTranslated(folder: string, english: Texts, spanish: Texts, least: number) {
  it('says in English what the code says', () => {
    expect(said(folder).size).toBeGreaterThan(least);
    expect(sorted(flat(english))).toEqual(sorted(said(folder)));
  });

  it('says all of it in Spanish, with the same values in it', () => {
    const [from, to] = [flat(english), flat(spanish)];
    expect([...to.keys()].sort()).toEqual([...from.keys()].sort());
    for (const [key, text] of from) {
      expect([key, placeholders(to.get(key) ?? '')]).toEqual([key, placeholders(text)]);
      expect(to.get(key)).not.toBe('');
    }
  });
}
