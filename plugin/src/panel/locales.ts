// The words of the data source for what is wrong with the feed: the panel says them too, of what it asks itself.
import spanish from '../datasource/locales/es-ES/underpass-fleetscope-datasource.json';

const TROUBLE: Record<string, { trouble: Record<string, string> }> = { 'es-ES': { trouble: spanish.trouble } };

export const troubleTexts = (language: string) => Promise.resolve(TROUBLE[language] ?? {});
