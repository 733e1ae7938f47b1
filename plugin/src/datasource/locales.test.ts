import { itIsTranslated } from '../testing/translations';
import english from './locales/en-US/underpass-fleetscope-datasource.json';
import spanish from './locales/es-ES/underpass-fleetscope-datasource.json';

describe('translations', () => itIsTranslated(__dirname, english, spanish, 70));
