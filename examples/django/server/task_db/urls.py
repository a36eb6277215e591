from django.urls import path
from tasks import views

urlpatterns = [
    path("", views.index),
    path("tasks/", views.tasks),
]
