"""Django's settings. What may be set from outside is read and checked in env.py."""

from urllib.parse import urlsplit

from veniceweb import broker, env

ENV = env.read()
BASE_DIR = env.BASE_DIR
# The same as in pyproject.toml, which an installation need not have.
VERSION = "0.1.0"
DATA = ENV.data
SECRET_KEY = ENV.secret_key
DEBUG = False

INSTALLED_APPS = [
    "generations",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]

MIDDLEWARE = [
    "generations.views.watch.WatchMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "veniceweb.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "generations.views.origin.OriginMiddleware",
]

ROOT_URLCONF = "veniceweb.urls"
ASGI_APPLICATION = "veniceweb.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "generations.views.context.studio",
            ],
        },
    },
]

DATABASES = {"default": ENV.database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Rate limits of the sign-in count in the cache: shared where there is Redis; in embedded mode
# there is one web process, and its own memory does.
CACHES = {
    "default": (
        {
            "BACKEND": "veniceweb.cache.PatientRedisCache",
            "LOCATION": ENV.redis_url,
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
        }
        if ENV.redis_url
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

# Rows, read through the cache: a poll that finds nothing costs two queries.
SESSION_ENGINE = "veniceweb.sessions"

# --- People -------------------------------------------------------------------------------
AUTH_USER_MODEL = "generations.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "studio"
ACCOUNT_ADAPTER = "generations.views.entrance.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PREVENT_ENUMERATION = True
# Wrong passwords and codes are counted by services.guess, which tells an account's own browsers
# from others; here is what is asked for, not guessed.
ACCOUNT_RATE_LIMITS = {
    "login": None,
    "login_failed": None,
    "reauthenticate": None,
    "reset_password": "20/m/ip,5/h/key",
}
ALLAUTH_TRUSTED_PROXY_COUNT = ENV.proxies
MFA_ADAPTER = "generations.views.entrance.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = ENV.name
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {
    "add_webauthn": "generations.views.entrance.AddPasskeyForm",
    "edit_webauthn": "generations.views.entrance.RenamePasskeyForm",
}
# Nothing there can be guessed.
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}

# An OpenID Connect provider, where one is set: an extra, which needs packages of its own.
OIDC_NAME = ENV.oidc.get("name", "")
if ENV.oidc:
    INSTALLED_APPS += ["allauth.socialaccount", "allauth.socialaccount.providers.openid_connect"]
    SOCIALACCOUNT_ADAPTER = "generations.views.sso.Adapter"
    SOCIALACCOUNT_LOGIN_ON_GET = True  # the policy lets no form lead to somebody else's address
    SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": "sso",
                    "name": OIDC_NAME,
                    "client_id": ENV.oidc["client_id"],
                    "secret": ENV.oidc["secret"],
                    "settings": {"server_url": ENV.oidc["url"]},
                }
            ],
        }
    }

# --- Addresses and cookies ------------------------------------------------------------------
PUBLIC_URL = ENV.url
_PUBLIC = urlsplit(PUBLIC_URL)
_IS_HTTPS = _PUBLIC.scheme == "https"
_LOCAL = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = [
    *dict.fromkeys([_PUBLIC.hostname or "localhost", *(_LOCAL if ENV.is_embedded else [])])
]
CSRF_TRUSTED_ORIGINS = [f"{_PUBLIC.scheme}://{_PUBLIC.netloc}"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
SECURE_HSTS_SECONDS = 31_536_000 if _IS_HTTPS else 0
# HSTS for this host alone: what else the operator runs below the domain is not ours to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENV.proxies else None
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "generations.views.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
PROXIES = ENV.proxies
METRICS_TOKEN = ENV.metrics_token
# The names of Django 6's own setting, so that its middleware can replace ours.
SECURE_CSP = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "manifest-src": ["'self'"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
}
# A prompt has at most 32,768 characters and a form has some 25 fields; a megabyte of text is
# read, refused with the field named, and not an error page.
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
# A selection has a field for each of its 10,000 images, the budgets page one for each person.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_100
DATA_UPLOAD_MAX_NUMBER_FILES = 1

# --- Files --------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = DATA / "images"
STORAGES = {
    "default": ENV.storage,
    "staticfiles": {"BACKEND": "veniceweb.static.SmallStorage"},
}
# Another storage than ours, for moving between them; and who sends the files.
STORAGE_AT = ENV.storage_at
HAND_OFF = ENV.hand_off

# --- Words and time ---------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# --- Mail -----------------------------------------------------------------------------
EMAIL_BACKEND = ENV.email.get("EMAIL_BACKEND", "django.core.mail.backends.dummy.EmailBackend")
EMAIL_HOST = ENV.email.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = ENV.email.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = ENV.email.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = ENV.email.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = bool(ENV.email.get("EMAIL_USE_TLS"))
EMAIL_USE_SSL = bool(ENV.email.get("EMAIL_USE_SSL"))
# A page that sends a mail does not wait for a server that is away.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = (
    EMAIL_HOST_USER if "@" in EMAIL_HOST_USER else f"veniceweb@{_PUBLIC.hostname or 'localhost'}"
)
HAS_EMAIL = not EMAIL_BACKEND.endswith("dummy.EmailBackend")

REDIS_URL = ENV.redis_url
# --- Celery: messages are doorbells, the jobs are in the database -------------------------
BROKER_FOLDER = DATA / "broker"
if not ENV.redis_url:
    (BROKER_FOLDER / "control").mkdir(parents=True, exist_ok=True)
CELERY_BROKER_URL = ENV.redis_url or f"{broker.SCHEME}://localhost//"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "socket_connect_timeout": 1,
        "socket_timeout": 10,
        "global_keyprefix": "veniceweb:",
        # A page does not wait for a broker that is away: the sweep rings again.
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.1,
    }
    if ENV.redis_url
    else {
        "data_folder_in": str(BROKER_FOLDER),
        "data_folder_out": str(BROKER_FOLDER),
        "control_folder": str(BROKER_FOLDER / "control"),
        "polling_interval": 0.05,
    }
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_POOL = "threads"
# Four threads more than calls: two webhooks at once, and a sweep must not wait behind sixteen
# calls of two minutes.
CELERY_WORKER_CONCURRENCY = ENV.workers + 4
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    # None of them expires: a worker whose clock is ahead would throw each one away, and where it
    # is the first to ask each time, for ever.
    "sweep": {"task": "generations.tasks.sweep", "schedule": 5.0},
    # Asks Venice only when the copy is an hour old, or there is none yet.
    "catalogue": {
        "task": "generations.tasks.refresh_catalogue",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    # Sessions that ran out.
    "sessions": {
        "task": "generations.tasks.forget_sessions",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    # Images that have been in the trash for as long as the policy says.
    "trash": {
        "task": "generations.tasks.empty_trash",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    # A backup a day, where they are wanted; asked for each hour, so that one that failed, or was
    # due while all was off, comes soon.
    "backup": {
        "task": "generations.tasks.back_up",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
}

# --- Venice and the studio ----------------------------------------------------------------
VENICE_API_KEY = ENV.venice_api_key
VENICE, VENICE_BASE_URL = env.VENICE, ENV.venice_base_url
CALL_TIMEOUT = ENV.call_timeout
PARALLEL_CALLS = ENV.workers
# Requests a minute of each account that are left to others who use it.
RATE_MARGIN = ENV.rate_margin
# Answers that are paid for and not settled yet.
SPOOL = DATA / "spool"
ENCRYPTION_KEYS = ENV.encryption_keys
# Scheduled backups: the folder, None without; and how many of them stay.
BACKUPS, BACKUPS_KEPT = ENV.backups, ENV.backups_kept
SITE_NAME = ENV.name
# What was asked for, for `up` to decide; and whether the stand-in of `up` is behind this process.
DEMO, IS_DEMO = ENV.demo, ENV.is_demo
IS_EMBEDDED = ENV.is_embedded
# Tests put the stand-in here: a function that returns an httpx transport.
VENICE_TRANSPORT = None
# Processes that decode and shrink pictures beside the threads that wait for Venice; 0 = inline.
IMAGE_PROCESSES = 2

# --- Commands ----------------------------------------------------------------------------
LISTEN_HOST, LISTEN_PORT = ENV.host, ENV.port
ADMIN_EMAIL, ADMIN_PASSWORD = ENV.admin_email, ENV.admin_password
NEW_PASSWORD = ENV.new_password
CHILD_ENVIRONMENT = env.for_children

# --- Log ------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {
            "()": "veniceweb.log.TextFormatter",
            "fmt": "{asctime} {levelname:<7} {name}: {message}",
            "style": "{",
        },
        "json": {"()": "veniceweb.log.JsonFormatter"},
    },
    "filters": {"trail": {"()": "generations.services.trail.Filter"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": ENV.log, "filters": ["trail"]}
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # httpx names every address at INFO, celery every doorbell.
        "httpx": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "django.server": {"level": "WARNING"},
        # A line for each request: for those who collect logs, not for those who read along.
        "generations.access": {"level": "INFO" if ENV.log == "json" else "WARNING"},
    },
}
