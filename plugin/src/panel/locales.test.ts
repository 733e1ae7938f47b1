import { itIsTranslated } from '../testing/translations';
import english from './locales/en-US/underpass-fleetscopeevents-panel.json';
import spanish from './locales/es-ES/underpass-fleetscopeevents-panel.json';

describe('translations', () => itIsTranslated(__dirname, english, spanish, 80));
