from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict


class Cache(BaseModel):
    host: str
    port: int


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_", env_nested_delimiter="__", env_file="dev.env")

    cache: Cache
    currency: str


settings = Settings()
