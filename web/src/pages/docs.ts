/** `/docs`: every call of /openapi.json, to read and to try. Who is signed in tries as themselves; a key may be given too. */
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js'
import 'swagger-ui-dist/swagger-ui.css'
import './styles/docs.css'

SwaggerUI({
  url: '/openapi.json',
  domNode: document.querySelector('#root'),
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  filter: true,
  tryItOutEnabled: true,
  requestSnippetsEnabled: true, // curl, to copy
  validatorUrl: null, // the document stays here
})
