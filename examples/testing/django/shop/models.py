from django.db import models


class Order(models.Model):
    item = models.TextField()

    def __str__(self):
        return self.item
